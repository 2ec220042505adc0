from batchwright.cli.group import main as main
