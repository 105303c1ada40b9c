print("leadrouter")
