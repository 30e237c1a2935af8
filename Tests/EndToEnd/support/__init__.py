"""What the tests of the real binary share: one concept a module. No test imports another test."""
