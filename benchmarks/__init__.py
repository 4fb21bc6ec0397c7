"""Programs that measure what is fast, beside what people would use instead."""
