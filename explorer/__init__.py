"""The web pages: shows what trainer wrote into run folders, and computes nothing that training computes."""
