"""The findings service: tickets whose claims are run, not only argued."""
