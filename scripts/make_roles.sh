#!/bin/bash
# Makes Tandem's two roles and its database in a new PostgreSQL. The image of PostgreSQL runs it once, as the superuser.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v admin="$TANDEM_ADMIN_PASSWORD" -v app="$TANDEM_APP_PASSWORD" --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
create role tandem_admin login password :'admin';
create role tandem_app login password :'app';
create database tandem owner tandem_admin;
SQL
