"""How well the locators find regions, and what edits with them are worth."""
