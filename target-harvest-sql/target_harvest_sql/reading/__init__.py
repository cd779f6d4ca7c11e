"""From bytes to messages: the lines of standard input and of batch files."""
