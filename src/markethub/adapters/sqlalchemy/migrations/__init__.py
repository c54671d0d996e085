"""The schema's history, shipped with the package and run by ``markethub db upgrade``."""
