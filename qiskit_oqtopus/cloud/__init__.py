"""OQTOPUS Cloud: everything between ``run()`` and a ``Result``."""
