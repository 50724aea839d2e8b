"""Whether the sandbox keeps its promises here and now: each one tried, the result signed and on record."""
