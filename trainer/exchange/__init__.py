"""From and to other tools: settings of the published code, its checkpoints, exported files."""
