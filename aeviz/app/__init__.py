"""The app: with app.py and pages/ all that knows Streamlit."""
