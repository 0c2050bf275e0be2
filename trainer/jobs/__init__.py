"""Background tasks: trainings and measurements in separate processes, with queue, status, Stop and log."""
