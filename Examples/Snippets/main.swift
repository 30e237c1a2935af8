// The code of the documentation's articles, built so that it stays true. Running it does nothing.
print("The snippets are for reading: see the articles.")
