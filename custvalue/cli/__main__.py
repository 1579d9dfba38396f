"""`python -m custvalue.cli`."""

from custvalue.cli.entry import main

main()
