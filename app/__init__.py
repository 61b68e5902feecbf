"""The findings service: tickets whose claims are run, not only argued."""

__version__ = "0.1.0"
