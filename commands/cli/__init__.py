"""What commands are made of: declaration, output, prompts, progress, errors."""
