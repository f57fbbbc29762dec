from balise.cli import main

main()
