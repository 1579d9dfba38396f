"""The parts of the simulated retailer: world, population, trade, courtesies, ledger, decisions, dirt, truth."""
