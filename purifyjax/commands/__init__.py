"""What every command line has in common: how it is read, computes, tells how far it is, and ends."""
