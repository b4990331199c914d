"""What stands around `hrinet batch`: manifests, chunks of equal cost, the report."""
