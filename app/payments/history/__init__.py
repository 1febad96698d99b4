"""One history of every movement of money: found, listed, exported, and its whole case."""
