"""Long work in processes of its own: trainings and measurements, their queue, status, Stop and log."""
