// What node takes to start and end.
