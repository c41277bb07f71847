"""Operations: the console's look and pages, health, content security."""
