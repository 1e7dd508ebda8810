"""Invented Californian block groups, each of whose values a real one could have."""

import random

from tfgate.loadtest.users.quantiles import Quantiles, draw

# The middle 98 % of the 20,640 block groups of the 1990 census.
# Source: counted in https://github.com/ageron/handson-ml2 (datasets/housing/housing.csv)
AGE: Quantiles = {1: 4, 10: 13, 25: 18, 50: 29, 75: 37, 90: 46, 99: 52}
ROOMS: Quantiles = {1: 164, 5: 621, 25: 1448, 50: 2127, 75: 3148, 95: 6213, 99: 11212}
ROOMS_PER_HOME: Quantiles = {1: 2.58, 5: 3.43, 25: 4.44, 50: 5.23, 75: 6.05, 95: 7.64, 99: 10.36}
PEOPLE_PER_HOME: Quantiles = {1: 1.54, 5: 1.87, 25: 2.43, 50: 2.82, 75: 3.28, 95: 4.33, 99: 5.4}
BEDROOMS_PER_ROOM: Quantiles = {1: 0.12, 5: 0.14, 25: 0.18, 50: 0.2, 75: 0.24, 95: 0.31, 99: 0.41}
INCOME: Quantiles = {1: 1.07, 5: 1.6, 25: 2.56, 50: 3.53, 75: 4.74, 95: 7.3, 99: 10.6}
BEDROOMS_MISSING = 0.01

# Latitude, longitude and ocean proximity: four of nine within an hour of the ocean and three
# inland, as in the census.
PLACES = [
    (34.05, -118.25, "<1H OCEAN"),  # Los Angeles
    (33.84, -117.91, "<1H OCEAN"),  # Anaheim
    (34.18, -118.45, "<1H OCEAN"),  # Van Nuys
    (37.34, -121.89, "<1H OCEAN"),  # San Jose
    (38.58, -121.49, "INLAND"),  # Sacramento
    (36.74, -119.79, "INLAND"),  # Fresno
    (35.37, -119.02, "INLAND"),  # Bakersfield
    (32.75, -117.13, "NEAR OCEAN"),  # San Diego
    (37.78, -122.23, "NEAR BAY"),  # Oakland
]
DEGREES_AROUND = 0.1


def house(source: random.Random) -> dict[str, float | str | None]:
    """Pick a place, and fill it with homes and people."""
    latitude, longitude, proximity = source.choice(PLACES)
    rooms = draw(ROOMS, source)
    homes = rooms / draw(ROOMS_PER_HOME, source)
    bedrooms = round(rooms * draw(BEDROOMS_PER_ROOM, source))
    return {
        "longitude": round(longitude + source.uniform(-DEGREES_AROUND, DEGREES_AROUND), 2),
        "latitude": round(latitude + source.uniform(-DEGREES_AROUND, DEGREES_AROUND), 2),
        "housing_median_age": round(draw(AGE, source)),
        "total_rooms": round(rooms),
        "total_bedrooms": None if source.random() < BEDROOMS_MISSING else bedrooms,
        "population": round(homes * draw(PEOPLE_PER_HOME, source)),
        "households": round(homes),
        "median_income": round(draw(INCOME, source), 4),
        "ocean_proximity": proximity,
    }
