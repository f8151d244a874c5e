"""What surrounds the pixels in a PNG, JPEG or WebP file, read with limits before any decoder sees it."""
