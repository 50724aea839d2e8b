"""Reviewed answers: exact cells that people look at before their author does."""
