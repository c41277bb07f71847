"""Effects of events on the world outside, such as letters: each once, and none for what lies in the past."""
