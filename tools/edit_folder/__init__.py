"""`make edit-folder`: edit every picture of a folder, each with regions of its own."""
