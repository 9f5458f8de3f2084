// cargo wants a source file beside a manifest; nothing is ever built from it.
