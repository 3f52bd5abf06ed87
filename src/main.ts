/** Starts the program. */
