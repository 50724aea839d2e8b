"""HTTP: routes with the scope each needs, pages, problem documents."""
