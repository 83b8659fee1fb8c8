"""Controller-side halves of modules, one noun per file. `registry` names them all."""
