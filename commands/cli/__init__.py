"""The parts that commands are built from: declaration, output, confirmation, progress, errors."""
