"""`python -m xolite_qt`."""

from xolite_qt.cli import main

if __name__ == "__main__":
    main()
