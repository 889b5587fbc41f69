"""The parts that every process needs: settings, database, notifications, embedded services, logs and the `tandem` command."""
