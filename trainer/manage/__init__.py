"""Management of run folders: rename, tag, delete, export, import, bundle."""
