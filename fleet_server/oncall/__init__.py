"""What on-call staff and their monitoring look at."""
