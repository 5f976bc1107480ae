"""Many calls as one piece of work: checked and priced before anything is sent, run once, gone on with after a stop."""
