"""What goes into Gradescope's container, and what runs there (`python -m autograder.gradescope`)."""
