"""What every process needs: settings, database, Redis, embedded services, telemetry and the `tandem` command."""
