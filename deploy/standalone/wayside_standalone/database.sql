-- Creates the role and the database of the services where they are missing; run by psql as the superuser.
\getenv password DATABASE_PASSWORD
SELECT format('CREATE ROLE wayside LOGIN CREATEDB PASSWORD %L', :'password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wayside') \gexec
SELECT 'CREATE DATABASE wayside OWNER wayside'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'wayside') \gexec
