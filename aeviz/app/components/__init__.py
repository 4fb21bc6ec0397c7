"""What the browser computes by itself: Streamlit components, a folder each."""
