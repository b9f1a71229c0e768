"""The fast reader and the fast writer, compiled from the declarations at first use."""
