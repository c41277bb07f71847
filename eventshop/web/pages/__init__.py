"""What all HTML pages share: forms for commands, navigation, rate limits, timelines, PDF."""
