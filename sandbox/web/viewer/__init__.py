"""A file as a reviewer sees it: escaped text cells and lines, never interpreted as a page.

:mod:`table` sorts, filters and pages a canonical table; :mod:`lines` shows bytes as text or hex;
:mod:`marks` says which cells a finding names; :mod:`changes` compares two rounds; :mod:`coverage`
remembers what of a file was on the screen. No script is needed: every choice is a link or a form.
"""
