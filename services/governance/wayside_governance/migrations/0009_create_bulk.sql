-- Filled by its owner.
SELECT 1;
