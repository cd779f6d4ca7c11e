"""What the tap keeps in the Singer state: bookmarks, and which windows of reports were read."""
