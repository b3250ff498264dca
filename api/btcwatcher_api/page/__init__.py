"""The page at `/`: what the API knows, as HTML for people; signed in with the API's users (decision 0124)."""
