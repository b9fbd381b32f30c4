CREATE USER IF NOT EXISTS 'dump-database'@'localhost' IDENTIFIED VIA unix_socket;
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO 'dump-database'@'localhost';
